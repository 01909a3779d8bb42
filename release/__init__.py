"""What turns a checkout into something that is handed out: lock, wheels, SBOM, Debian package."""
