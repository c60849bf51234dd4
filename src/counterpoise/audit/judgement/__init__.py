"""How sure a finding is: learned from labelled contracts, in integers.

A finding's detectors say which engine spoke, which shape of the flaw it saw and which facts hold
there. Each is a feature with a weight in thousandths of a logit; the sum goes through a
calibration curve to a confidence in ppm. The weights lie in ``model.json``; how they are made is
in `train`.
"""

from counterpoise.audit.judgement.judge import bar_of, confidence_of, features_of, judged

__all__ = ["bar_of", "confidence_of", "features_of", "judged"]
