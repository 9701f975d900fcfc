"""How detectors are judged: published scores of benchmarks, pure functions of labels and scores."""
