"""What stands for the cloud and the cluster: database, AWS, secrets, load balancer, monitoring, Slack."""
