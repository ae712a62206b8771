def scaling(declared):
    """Bounds of the profiles of the compute nodes' autoscale setting."""
    [setting] = [each for each in declared.of_type("AutoscaleSetting") if "-compute-" in each.name]
    bounds = [profile["capacity"] for profile in setting.inputs["profiles"]]
    return {(int(each["minimum"]), int(each["maximum"])) for each in bounds}


def openings_of_compute(declared):
    """Ports that the network security group of compute nodes lets anybody in to."""
    [group] = [g for g in declared.of_type("NetworkSecurityGroup") if g.name.endswith("-compute")]
    rules = group.inputs["securityRules"]
    return {
        rule["destinationPortRange"]
        for rule in rules
        if rule["direction"] == "Inbound" and rule["access"] == "Allow"
    }
