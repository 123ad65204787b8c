"""The main job, stage by stage: detect, link, render; one input or several; the commands."""
