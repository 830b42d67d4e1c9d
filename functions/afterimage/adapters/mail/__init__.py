"""Mail: composed from templates with autoescape, sent by SES."""
