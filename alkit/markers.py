"""The pluggy markers: `hookspec` for the engine, `hookimpl` for plugins."""

from __future__ import annotations

import pluggy

hookspec = pluggy.HookspecMarker("alkit")
hookimpl = pluggy.HookimplMarker("alkit")
