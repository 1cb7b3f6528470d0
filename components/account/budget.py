"""A budget that tells people before it is spent."""

import pulumi
import pulumi_aws as aws

from components.account.config import BudgetConfig
from components.component import Component

WEEKS_A_MONTH = 52 / 12
"""AWS knows budgets of a day and of a month, none of a week."""


class Budget(Component):
    """What the account may spend, with a warning before it is spent.

    It counts everything, whatever its tags: what AWS and charts make beside a stack carries none, and a tag counts only
    once somebody has activated it for billing.

    Makes:

    - a monthly AWS budget in dollars, which mails at 80 % spent and at 100 % forecast
    """

    monthly_usd: float

    def __init__(self, name: str, config: BudgetConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.monthly_usd = round(config.weekly_eur * config.usd_per_eur * WEEKS_A_MONTH, 2)
        aws.budgets.Budget(
            name,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{self.monthly_usd:.2f}",
            limit_unit="USD",
            notifications=[
                aws.budgets.BudgetNotificationArgs(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=threshold,
                    threshold_type="PERCENTAGE",
                    subscriber_email_addresses=list(config.notify),
                )
                for kind, threshold in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"monthlyUsd": self.monthly_usd})
