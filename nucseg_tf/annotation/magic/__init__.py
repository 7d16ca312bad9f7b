"""The nucleus under a click: by what the project's model sees there, else by the light alone."""
