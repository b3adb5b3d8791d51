"""What a probe run costs as a folder grows: seconds, memory and bytes by stage."""
