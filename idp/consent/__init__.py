"""What a person has allowed an app, once and for the times after."""
