"""What a service has kept: shown, labelled, and copied into the class folders on the person's word."""
