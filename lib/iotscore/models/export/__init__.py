"""Models outside a warehouse: a plain folder, and one ONNX graph in it."""
