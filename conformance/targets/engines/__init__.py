"""The DynamoDB engines that a target may run on."""
