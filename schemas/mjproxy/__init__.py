"""midjourney-proxy's protocol: bodies into requests, jobs into tasks; used by ``api/faces/mjproxy``."""
