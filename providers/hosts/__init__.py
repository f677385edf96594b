"""Code hosts: read source and permissions, write branches, pull requests and comments."""
