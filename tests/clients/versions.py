"""Say which versions of the Python clients are here."""

import json
import sys
from importlib.metadata import version

names = ("openai", "litellm", "replicate", "mcp", "fastmcp", "cog", "coglet")
sys.stdout.write(json.dumps({name: version(name) for name in names}) + "\n")
