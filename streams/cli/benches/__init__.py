"""One benchmark a file; each has `run(quick, say)`, which yields its figures and asserts what it computed."""
