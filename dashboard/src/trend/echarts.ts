/** The parts of ECharts that are used, and no others. */

import { LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, MarkAreaComponent, MarkLineComponent } from "echarts/components";
import { init, use as register } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

register([LineChart, GridComponent, AriaComponent, MarkAreaComponent, MarkLineComponent, CanvasRenderer]);

export { init };
export type { EChartsType } from "echarts/core";
