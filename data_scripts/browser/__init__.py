"""A network for the browser: exported to ONNX with what a page needs to know, and a film of drawn faces to try it on."""
