extension TaskMeasure {
    /// The accuracy of a classifier that is right on `count` of `total` held-out examples, with the interval of that share.
    package static func accuracy(_ count: Int, of total: Int) -> TaskMeasure {
        let interval = WilsonInterval.of(count, in: total)
        return TaskMeasure(
            "accuracy", 100 * Double(count) / Double(total),
            interval: 100 * interval.lowerBound...100 * interval.upperBound, unit: "%", better: .higher)
    }
}
