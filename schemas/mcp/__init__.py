"""The Model Context Protocol's words: messages, revisions, the tools, and a job as a tool's result."""
