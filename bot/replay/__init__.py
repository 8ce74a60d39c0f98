"""Past turns taken again with another prompt, and two prompts' answers side by side."""
