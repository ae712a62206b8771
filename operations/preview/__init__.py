"""What a change would do to a stack, in words for those who have to say yes to it."""
