"""Amazon Web Services' records as a blueprint, and what AWS answers inside of a VPC."""
