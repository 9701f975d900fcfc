"""Event types, wire formats, the detection kernel, the alert engine and the Faust shell around them."""

__version__ = "0.1.0"
