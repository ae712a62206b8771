def scaling(declared):
    """Bounds of the compute nodes' Auto Scaling group, and those that its schedule sets."""
    groups, times = declared.of_type("autoscaling/group:Group"), declared.of_type("Schedule")
    found = [each.inputs for each in (*groups, *times) if "-compute-" in each.name]
    return {(each["minSize"], each["maxSize"]) for each in found}


def openings_of_compute(declared):
    """Ports that rules of the compute nodes' security group let anybody in to."""
    rules = declared.of_type("SecurityGroupIngressRule")
    return {str(rule.inputs["toPort"]) for rule in rules if "-firewall-compute-from-" in rule.name}
