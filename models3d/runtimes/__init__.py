"""Other ways to run a network than torch: graphs of ONNX Runtime, made from the torch modules."""
