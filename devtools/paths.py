"""Where things lie: everything that a run makes is in the checkout's ignored .cache/."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache"
TOOLS = CACHE / "tools"
DASHBOARD = ROOT / "dashboard"
