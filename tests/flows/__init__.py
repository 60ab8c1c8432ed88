"""The main job by real processes of ours, over real sockets, as a newcomer and as an operator would run it."""
