"""What can be typed: for each verb its words, arguments and options, grouped by what verbs are about."""
