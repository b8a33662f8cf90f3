"""Items in one DynamoDB table."""
