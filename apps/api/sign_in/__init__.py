"""People: who has signed in, before the load balancer or here, and what that makes of them."""
