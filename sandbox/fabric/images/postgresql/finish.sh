#!/bin/sh
# Ends the build of the database image; runs inside it.
set -eu

# Azure's default collation.
localedef --inputfile=en_US --charmap=UTF-8 en_US.UTF-8
