/// Spearman's (1904) correlation of ranks: whether one number rises with another, in whatever curve.
public enum RankCorrelation {
    /// The correlation of the ranks of paired numbers, from -1 to 1; equal numbers share the mean of their ranks. Nil for fewer
    /// than two pairs, and where all numbers of a side are equal or one is NaN. Costs two sorts.
    public static func spearman(_ x: [Double], _ y: [Double]) -> Double? {
        precondition(x.count == y.count, "ranks of pairs")
        guard x.count > 1, !x.contains(where: \.isNaN), !y.contains(where: \.isNaN) else { return nil }
        let (a, b) = (ranks(x), ranks(y))
        let middle = Double(x.count + 1) / 2
        var (product, squares, others) = (0.0, 0.0, 0.0)
        for (first, second) in zip(a, b) {
            product += (first - middle) * (second - middle)
            squares += (first - middle) * (first - middle)
            others += (second - middle) * (second - middle)
        }
        guard squares > 0, others > 0 else { return nil }
        return product / (squares * others).squareRoot()
    }

    /// The ranks from 1, equal numbers at the mean of theirs.
    static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var first = 0
        while first < order.count {
            var last = first
            while last + 1 < order.count, values[order[last + 1]] == values[order[first]] { last += 1 }
            for place in first...last { ranks[order[place]] = Double(first + last) / 2 + 1 }
            first = last + 1
        }
        return ranks
    }
}
