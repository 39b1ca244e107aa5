// A dashboard from its description, through Grafana's own typed builders: a panel option that does not exist is a
// compile error, and positions are theirs to give.

import * as barGauge from '@grafana/grafana-foundation-sdk/bargauge'
import type * as cog from '@grafana/grafana-foundation-sdk/cog'
import * as common from '@grafana/grafana-foundation-sdk/common'
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap'
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus'
import * as stat from '@grafana/grafana-foundation-sdk/stat'
import * as table from '@grafana/grafana-foundation-sdk/table'
import * as tempo from '@grafana/grafana-foundation-sdk/tempo'
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries'
import { datasources } from '../datasources.ts'
import type { DashboardSpec, MetricsPanel, MetricsQuery, Panel, TracesPanel, Variable } from './panel.ts'

const tag = 'org-otel'
const metricsRef = { uid: datasources.metrics.uid, type: datasources.metrics.type }
const tracesRef = { uid: datasources.traces.uid, type: datasources.traces.type }

export function buildDashboard(spec: DashboardSpec): dashboard.Dashboard {
  const builder = new dashboard.DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.says)
    .tags([tag])
    .editable()
    .refresh('30s')
    .time({ from: 'now-1h', to: 'now' })
    // One cursor over all panels: a spike in latency and the lag beside it are the same minute.
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .links([
      new dashboard.DashboardLinkBuilder('More')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags([tag])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    ])
    .variables(spec.variables.map(buildVariable))
  for (const row of spec.rows) {
    builder.withRow(new dashboard.RowBuilder(row.title))
    for (const panel of row.panels) builder.withPanel(buildPanel(panel))
  }
  const built = builder.build()
  for (const [at, panel] of (built.panels ?? []).entries()) panel.id = at + 1
  return built
}

function buildVariable({ name, label, metric, of }: Variable): cog.Builder<dashboard.VariableModel> {
  return new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(metricsRef)
    .query(`label_values(${metric}, ${of})`)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: 'All', value: '$__all' })
}

function buildPanel(panel: Panel): cog.Builder<dashboard.Panel> {
  return panel.kind === 'traces' ? buildTraces(panel) : buildMetrics(panel)
}

function buildMetrics(panel: MetricsPanel): cog.Builder<dashboard.Panel> {
  switch (panel.kind) {
    case 'lines':
    case 'area': {
      const lines = frame(new timeseries.PanelBuilder(), panel)
        .unit(panel.unit)
        .min(0)
        .legend(
          new common.VizLegendOptionsBuilder()
            .showLegend(true)
            .placement(common.LegendPlacement.Bottom)
            .displayMode(common.LegendDisplayMode.List),
        )
        .tooltip(
          new common.VizTooltipOptionsBuilder()
            .mode(common.TooltipDisplayMode.Multi)
            .sort(common.SortOrder.Descending),
        )
      if (panel.max !== undefined) lines.max(panel.max)
      if (panel.kind === 'area') {
        lines.fillOpacity(30).stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal))
      }
      return withQueries(lines, panel, query => query.range())
    }
    case 'heatmap':
      return withQueries(
        frame(new heatmap.PanelBuilder(), panel)
          .yAxis(new heatmap.YAxisConfigBuilder().unit(panel.unit))
          .exemplarsColor('orange')
          .color(
            new heatmap.HeatmapColorOptionsBuilder()
              .mode(heatmap.HeatmapColorMode.Scheme)
              .scheme('Oranges')
              .steps(64),
          ),
        panel,
        query => query.range().format(prometheus.PromQueryFormat.Heatmap),
      )
    case 'table':
      return withQueries(frame(new table.PanelBuilder(), panel).unit(panel.unit), panel, query =>
        query.instant().format(prometheus.PromQueryFormat.Table),
      ).withTransformation({ id: 'organize', options: { excludeByName: { Time: true } } })
    case 'bars':
      return withQueries(
        frame(new barGauge.PanelBuilder(), panel)
          .unit(panel.unit)
          .min(0)
          .orientation(common.VizOrientation.Horizontal)
          .displayMode(common.BarGaugeDisplayMode.Gradient),
        panel,
        query => query.instant(),
      )
    case 'number':
      return withQueries(frame(new stat.PanelBuilder(), panel).unit(panel.unit), panel, query =>
        query.instant(),
      )
  }
}

interface Framed<B> {
  title(text: string): B
  description(text: string): B
  span(columns: number): B
  height(rows: number): B
  datasource(ref: common.DataSourceRef): B
}

function frame<B extends Framed<B>>(builder: B, panel: Panel): B {
  return builder
    .title(panel.title)
    .description(panel.says)
    .span(panel.width ?? 12)
    .height(panel.height ?? 8)
    .datasource(panel.kind === 'traces' ? tracesRef : metricsRef)
}

function withQueries<B extends { withTarget(target: cog.Builder<cog.Dataquery>): B }>(
  builder: B,
  panel: MetricsPanel,
  shape: (query: prometheus.DataqueryBuilder) => prometheus.DataqueryBuilder,
): B {
  for (const [at, query] of panel.queries.entries()) builder.withTarget(shape(buildQuery(query, at)))
  return builder
}

function buildQuery({ expr, legend, exemplars }: MetricsQuery, at: number): prometheus.DataqueryBuilder {
  const query = new prometheus.DataqueryBuilder()
    .refId(refId(at))
    .datasource(metricsRef)
    .expr(expr)
    .exemplar(exemplars === true)
  return legend === undefined ? query : query.legendFormat(legend)
}

function buildTraces(panel: TracesPanel): cog.Builder<dashboard.Panel> {
  const builder = frame(new table.PanelBuilder(), panel)
  for (const [at, { traceql }] of panel.queries.entries()) {
    builder.withTarget(
      new tempo.DataqueryBuilder()
        .refId(refId(at))
        .datasource(tracesRef)
        .queryType('traceql')
        .query(traceql)
        .limit(20)
        .tableType(tempo.SearchTableType.Spans),
    )
  }
  return builder
}

function refId(at: number): string {
  return String.fromCharCode(65 + at)
}
