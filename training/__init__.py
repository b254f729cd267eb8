"""Makes networks that know genres: a composed corpus, training on any folders, calibration, evaluation."""
