"""The notifier: hands alerts to Alertmanager, which tells people, and signs what goes to webhooks."""
