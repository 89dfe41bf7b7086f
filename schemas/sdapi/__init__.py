"""The words of the Stable Diffusion web UI's API (``/sdapi/v1``): what is asked for, and what is answered."""
