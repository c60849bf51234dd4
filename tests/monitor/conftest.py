"""The reference that the engine must agree with lies beside the tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
