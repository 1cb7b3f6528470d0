"""A certificate for a domain, proven through its DNS, and the name itself."""

import pulumi
import pulumi_aws as aws


class Certificate:
    """An ACM certificate that is ready to be used, and the alias of the domain to a load balancer."""

    arn: pulumi.Output[str]

    def __init__(
        self, name: str, domain: str, zone_id: str, balancer: aws.lb.LoadBalancer, opts: pulumi.ResourceOptions
    ) -> None:
        certificate = aws.acm.Certificate(name, domain_name=domain, validation_method="DNS", opts=opts)
        validation = certificate.domain_validation_options[0]
        record = aws.route53.Record(
            f"{name}-validation",
            zone_id=zone_id,
            name=validation.resource_record_name,
            type=validation.resource_record_type,
            records=[validation.resource_record_value],
            ttl=300,
            allow_overwrite=True,
            opts=opts,
        )
        validated = aws.acm.CertificateValidation(
            name, certificate_arn=certificate.arn, validation_record_fqdns=[record.fqdn], opts=opts
        )
        self.arn = validated.certificate_arn
        aws.route53.Record(
            name,
            zone_id=zone_id,
            name=domain,
            type="A",
            aliases=[
                aws.route53.RecordAliasArgs(
                    name=balancer.dns_name, zone_id=balancer.zone_id, evaluate_target_health=True
                )
            ],
            opts=opts,
        )
