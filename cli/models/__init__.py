"""A person's own model: checked in the model's environment, uploaded in the SDK's, given to a stack."""
