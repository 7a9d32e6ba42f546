/// Sums over rows: from derivatives by linear predictors to derivatives by parameters.
extension RegressionModel {
    /// The sum of the rows' gradients.
    func score(_ gradients: [Double]) -> [Double] {
        var total = [Double](repeating: 0, count: parameterNames.count)
        gradients.withUnsafeBufferPointer { g in
            for i in 0..<design.rowCount { addRow(i, g, 1, to: &total) }
        }
        return total
    }

    /// Adds a row's gradient by the parameters.
    @inline(__always)
    private func addRow(
        _ i: Int, _ gradients: UnsafeBufferPointer<Double>, _ factor: Double, to total: inout [Double]
    ) {
        let (p, width) = (design.columnCount, width)
        design.values.withUnsafeBufferPointer { x in
            total.withUnsafeMutableBufferPointer { total in
                if family == .ordinal {
                    var sum = 0.0
                    for k in 0..<width {
                        let g = factor * gradients[i * width + k]
                        total[p + k] += g
                        sum += g
                    }
                    for j in 0..<p { total[j] -= sum * x[i * p + j] }
                } else {
                    for k in 0..<width {
                        let g = factor * gradients[i * width + k]
                        for j in 0..<p { total[k * p + j] += g * x[i * p + j] }
                    }
                }
            }
        }
    }

    /// The sum of J^T F J, F a row's matrix by its predictors and J their derivatives by the parameters.
    func information(_ rows: [Double]) -> DenseMatrix {
        let (p, width) = (design.columnCount, width)
        let size = family == .ordinal ? p + width : p * width
        var total = DenseMatrix(size, size)
        let count = design.rowCount
        design.values.withUnsafeBufferPointer { x in
            rows.withUnsafeBufferPointer { f in
                total.values.withUnsafeMutableBufferPointer { total in
                    for i in 0..<count {
                        if family == .ordinal {
                            var all = 0.0
                            for a in 0..<width {
                                var sum = 0.0
                                for b in 0..<width {
                                    let value = f[(i * width + a) * width + b]
                                    sum += value
                                    total[(p + a) * size + p + b] += value
                                }
                                for j in 0..<p { total[(p + a) * size + j] -= sum * x[i * p + j] }
                                all += sum
                            }
                            for j in 0..<p {
                                let value = all * x[i * p + j]
                                for l in 0...j { total[j * size + l] += value * x[i * p + l] }
                            }
                            continue
                        }
                        for a in 0..<width {
                            for b in 0...a {
                                let value = f[(i * width + a) * width + b]
                                if value == 0 { continue }
                                for j in 0..<p {
                                    let scaled = value * x[i * p + j]
                                    let start = (a * p + j) * size + b * p
                                    for l in 0..<(a == b ? j + 1 : p) {
                                        total[start + l] += scaled * x[i * p + l]
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        total.mirrorLowerTriangle()
        return total
    }

    /// The sum of outer products of the scores of units or of clusters.
    func variance(of gradients: [Double], clustered: Bool) -> ScoreVariance {
        let size = parameterNames.count
        var total = DenseMatrix(size, size)
        func add(_ v: [Double], _ factor: Double) {
            total.values.withUnsafeMutableBufferPointer { total in
                v.withUnsafeBufferPointer { v in
                    for a in 0..<size where v[a] != 0 {
                        let scaled = factor * v[a]
                        for b in 0...a { total[a * size + b] += scaled * v[b] }
                    }
                }
            }
        }
        let sums = clustered ? scores(gradients, by: clusters ?? []) : [:]
        if !clustered {
            gradients.withUnsafeBufferPointer { g in
                var row = [Double](repeating: 0, count: size)
                for i in 0..<design.rowCount where weights[i] > 0 {
                    for k in 0..<size { row[k] = 0 }
                    addRow(i, g, 1, to: &row)
                    // w units of score s have w s s^T; the row's gradient is w s.
                    add(row, weightKind == .frequency ? 1 / weights[i] : 1)
                }
            }
        }
        // In their order, so that the sum is the same every time.
        for (_, sum) in sums.sorted(by: { $0.key < $1.key }) { add(sum, 1) }
        total.mirrorLowerTriangle()
        return ScoreVariance(matrix: total, clusterCount: clustered ? sums.count : nil)
    }

    /// The sums of the rows' gradients by group.
    func scores(_ gradients: [Double], by groups: [Int]) -> [Int: [Double]] {
        let zeros = [Double](repeating: 0, count: parameterNames.count)
        var sums: [Int: [Double]] = [:]
        gradients.withUnsafeBufferPointer { g in
            for i in 0..<design.rowCount where weights[i] > 0 {
                addRow(i, g, 1, to: &sums[groups[i], default: zeros])
            }
        }
        return sums
    }

    /// Pearson's statistic: the sum of squared residuals over the variances of the mean; nil for levels.
    package func pearson(at point: [Double]) -> Double? {
        guard !family.hasLevels else { return nil }
        let eta = predictors(at: point)
        var sum = 0.0
        for i in response.indices where weights[i] > 0 {
            let mean = link.mean(eta[i]).value
            switch family {
            case .gaussian: sum += weights[i] * (response[i] - mean) * (response[i] - mean)
            case .poisson: sum += weights[i] * (response[i] - mean) * (response[i] - mean) / mean
            default:
                let residual = response[i] - trials[i] * mean
                sum += weights[i] * residual * residual / (trials[i] * mean * link.complement(eta[i]))
            }
        }
        return sum
    }

    /// The same data with a row for every unit, for draws of a response.
    ///
    /// Throws where the weights are no counts, or too many.
    func expanded() throws(ModelError) -> RegressionModel {
        guard weightKind == .frequency, weights.contains(where: { $0 != 1 }) else { return self }
        guard weights.allSatisfy({ $0 == $0.rounded() }), unitCount <= 1e6 else {
            throw ModelError(
                "responses can be drawn only where the weights are whole numbers that add up to at most a million"
            )
        }
        let rows = weights.indices.flatMap { Array(repeating: $0, count: Int(weights[$0])) }
        let p = design.columnCount
        let values = rows.flatMap { design.values[$0 * p..<($0 + 1) * p] }
        return RegressionModel(
            family: family, link: link, dispersion: dispersion,
            design: DesignMatrix(
                names: design.names, terms: design.terms, rowCount: rows.count, values: values),
            response: rows.map { response[$0] }, levels: levels,
            trials: family == .binomial ? rows.map { trials[$0] } : nil, offset: rows.map { offset[$0] },
            clusters: clusters.map { clusters in rows.map { clusters[$0] } })
    }
}
