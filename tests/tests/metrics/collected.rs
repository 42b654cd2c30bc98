//! What OpenTelemetry's SDK exports of what the client measures.

use std::{collections::BTreeMap, fmt};

use cmp::opentelemetry::{
    InstrumentationScope, KeyValue,
    metrics::{Meter, MeterProvider},
};
use opentelemetry_sdk::metrics::{
    InMemoryMetricExporter, PeriodicReader, SdkMeterProvider,
    data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics, ScopeMetrics},
};

/// A meter, and what is exported of it.
pub(crate) struct Collected {
    provider: SdkMeterProvider,
    exporter: InMemoryMetricExporter,
}

/// One point of a metric.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) name: String,
    pub(crate) unit: String,
    /// `histogram`, `counter`, `sum` or `gauge`
    pub(crate) kind: &'static str,
    pub(crate) attributes: BTreeMap<String, String>,
    /// The value; of a histogram how many values and their sum, such as `2 of 0.5`.
    pub(crate) value: String,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name, self.kind, self.unit)?;
        for (name, value) in &self.attributes {
            write!(f, " {name}={value}")?;
        }
        write!(f, ": {}", self.value)
    }
}

impl Collected {
    pub(crate) fn new() -> Self {
        let exporter = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        Self { provider: SdkMeterProvider::builder().with_reader(reader).build(), exporter }
    }

    pub(crate) fn meter(&self) -> Meter {
        self.provider.meter("cmp")
    }

    /// Returns a meter whose scope has an attribute.
    pub(crate) fn meter_of(&self, account: &'static str) -> Meter {
        let scope = InstrumentationScope::builder("cmp").with_attributes([KeyValue::new("account", account)]);
        self.provider.meter_with_scope(scope.build())
    }

    /// Returns everything that was measured so far.
    pub(crate) fn points(&self) -> Vec<Point> {
        self.exporter.reset();
        self.provider.force_flush().expect("an export");
        let exports = self.exporter.get_finished_metrics().expect("an export");
        let scopes = exports.iter().flat_map(ResourceMetrics::scope_metrics);
        scopes.flat_map(ScopeMetrics::metrics).flat_map(points).collect()
    }

    /// Returns the same as sorted lines, without the port of the server.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut points = self.points();
        points.iter_mut().for_each(|point| drop(point.attributes.remove("server.port")));
        let mut lines: Vec<_> = points.iter().map(Point::to_string).collect();
        lines.sort();
        lines
    }

    /// Returns the lines of the metrics whose name begins with `name`, without name, kind and unit.
    pub(crate) fn of(&self, name: &str) -> Vec<String> {
        let lines = self.lines().into_iter().filter(|line| line.starts_with(name));
        lines.map(|line| line.splitn(4, ' ').nth(3).unwrap_or_default().to_owned()).collect()
    }
}

fn points(metric: &Metric) -> Vec<Point> {
    match metric.data() {
        AggregatedMetrics::F64(data) => points_of(metric, data),
        AggregatedMetrics::U64(data) => points_of(metric, data),
        AggregatedMetrics::I64(data) => points_of(metric, data),
    }
}

fn points_of<T: fmt::Display + Copy>(metric: &Metric, data: &MetricData<T>) -> Vec<Point> {
    match data {
        MetricData::Gauge(gauge) => {
            let points = gauge.data_points();
            points.map(|of| point(metric, "gauge", of.attributes(), of.value().to_string())).collect()
        }
        MetricData::Sum(sum) => {
            let kind = if sum.is_monotonic() { "counter" } else { "sum" };
            let points = sum.data_points();
            points.map(|of| point(metric, kind, of.attributes(), of.value().to_string())).collect()
        }
        MetricData::Histogram(histogram) => {
            let points = histogram.data_points();
            points
                .map(|of| {
                    point(metric, "histogram", of.attributes(), format!("{} of {}", of.count(), of.sum()))
                })
                .collect()
        }
        MetricData::ExponentialHistogram(_) => panic!("{} has no boundaries", metric.name()),
    }
}

fn point<'a>(
    metric: &Metric,
    kind: &'static str,
    attributes: impl Iterator<Item = &'a KeyValue>,
    value: String,
) -> Point {
    let attributes = attributes.map(|of| (of.key.to_string(), of.value.to_string())).collect();
    Point { name: metric.name().to_owned(), unit: metric.unit().to_owned(), kind, attributes, value }
}
