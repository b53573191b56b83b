"""A network for the browser: exported to ONNX with what a page needs to know; and a film of a drawn face to try it."""
