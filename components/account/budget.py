"""A budget that tells people before it is spent."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.account.config import BudgetConfig
from components.component import Component

WEEKS_A_MONTH = 52 / 12
"""AWS knows budgets of a day and of a month, none of a week."""


@dataclass(frozen=True, slots=True)
class BudgetArgs:
    """How much may be spent; `tag` is the cost allocation tag `user:KEY$VALUE` whose spending counts."""

    config: BudgetConfig
    tag: str


class Budget(Component):
    """What may be spent, with a warning before it is.

    Makes:

    - a monthly AWS budget in dollars, which mails at 80 % spent and at 100 % forecast
    """

    monthly_usd: float

    def __init__(self, name: str, args: BudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        config = args.config
        self.monthly_usd = round(config.weekly_eur * config.usd_per_eur * WEEKS_A_MONTH, 2)
        aws.budgets.Budget(
            name,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{self.monthly_usd:.2f}",
            limit_unit="USD",
            cost_filters=[aws.budgets.BudgetCostFilterArgs(name="TagKeyValue", values=[args.tag])],
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
