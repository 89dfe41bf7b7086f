"""The wire of OpenAI's images API, both ways; docs/faces/openai.md says what differs from the original."""
