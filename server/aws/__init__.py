"""What a web node on AWS does beside the API service."""
