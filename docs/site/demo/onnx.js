// What an ONNX file says of itself. ONNX Runtime Web runs a model but does not hand out its metadata, so this reads the
// two fields of the protobuf message ModelProto that are needed: its graph (7) and metadata_props (14).

const GRAPH = 7;
const METADATA = 14;
const text = new TextDecoder();

function* fields(bytes) {
  let at = 0;
  const number = () => {
    let value = 0;
    for (let power = 1; at < bytes.length; power *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * power;
      if (byte < 128) return value;
    }
    throw new RangeError("cut off");
  };
  while (at < bytes.length) {
    const key = number();
    const kind = key & 7;
    let content = null;
    if (kind === 0) number();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else if (kind === 2) {
      const length = number();
      if (at + length > bytes.length) throw new RangeError("cut off");
      content = bytes.subarray(at, (at += length));
    } else throw new RangeError("no protobuf");
    yield [Math.floor(key / 8), content];
  }
}

/** Read the metadata of an ONNX file, Uint8Array -> Map of texts; null where it is no such file. */
export function readMetadata(bytes) {
  const found = new Map();
  let graph = false;
  try {
    for (const [field, content] of fields(bytes)) {
      if (field === GRAPH) graph = true;
      if (field !== METADATA || !content) continue;
      const entry = new Map([...fields(content)].map(([part, value]) => [part, text.decode(value)]));
      found.set(entry.get(1), entry.get(2) ?? "");
    }
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
  return graph ? found : null;
}
