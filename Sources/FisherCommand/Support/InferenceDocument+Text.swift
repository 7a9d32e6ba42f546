import FisherInference
import Foundation

extension InferenceDocument {
    /// The document as text for a terminal.
    func text() -> String {
        var lines = [model]
        lines += notes.map { "  \($0)" }
        let sample =
            rows.map { rows in
                "n = \(Self.number(units))"
                    + (Double(rows) == units ? "" : " in \(rows) rows")
                    + ((dropped ?? 0) > 0 ? ", \(dropped ?? 0) rows with missing values dropped" : "")
            } ?? "n = \(Self.number(units))"
        lines.append(
            "\(sample), \(parameters) parameters, \(Self.number(residualDegrees)) residual degrees of freedom"
        )
        let convergence =
            String(
                format: "%d iteration\(iterations == 1 ? "" : "s"), last step %.1e standard errors",
                iterations, lastStep)
        lines.append("log-likelihood \(Self.number(logLikelihood, 8)), " + convergence)
        let criteria = [("AIC", aic), ("BIC", bic), ("TIC", tic)].compactMap { name, value in
            value.map { "\(name) \(Self.number($0, 7))" }
        }
        var scale: String?
        if let dispersion {
            scale =
                "dispersion \(Self.number(dispersion)) (\(dispersionIsEstimated == true ? "estimated" : "given"))"
        }
        lines.append((criteria + [scale].compactMap(\.self)).joined(separator: ", "))
        if let modelTest {
            lines.append(
                "information-matrix test: \(Self.number(modelTest.statistic, 3)) standard deviations by the \(modelTest.measure), p = \(Self.probability(modelTest.probability)) from \(modelTest.replicates) draws: the model is \(modelTest.rejected ? "rejected" : "not rejected")"
            )
        }
        var errors = "covariance: \(covariance.rawValue), \(reason)"
        if let smallSampleFactor { errors += "; small-sample factor: \(smallSampleFactor.rawValue)" }
        if let clusters { errors += "; \(clusters) clusters" }
        lines = (lines + [errors + "; reference: \(reference)"]).map(paragraph) + [""]
        lines.append(table(coefficients, heading: "coefficient"))
        if !undetermined.isEmpty {
            lines += ["", "The data do not determine the parameters along:"]
            lines += undetermined.map { "  \($0)" }
        }
        if !combinations.isEmpty { lines += ["", table(combinations, heading: "determined combination")] }
        if !contrasts.isEmpty { lines += ["", table(contrasts, heading: "contrast")] }
        if !functions.isEmpty { lines += ["", table(functions, heading: "function (delta method)")] }
        if !tests.isEmpty {
            let rows = tests.map {
                [
                    $0.hypothesis, $0.kind + ($0.robust ? ", robust" : ""), Self.number($0.statistic),
                    $0.distribution, Self.probability($0.probability),
                ]
            }
            lines += ["", alignedColumns([["hypothesis", "test", "statistic", "distribution", "p"]] + rows)]
            if covariance == .sandwich || covariance == .cluster {
                lines.append("The likelihood ratio supposes a right model.")
            }
        }
        return lines.map(\.printableLines).joined(separator: "\n") + "\n"
    }

    private func table(_ estimates: [Estimate], heading: String) -> String {
        let percent = Self.number(100 * level)
        let profiled = estimates.contains { $0.profileLower != nil }
        let titles =
            [
                heading, "estimate", "std. error", reference == "normal" ? "z" : "t", "p",
                "\(percent) % interval",
            ]
            + (profiled ? ["profile interval"] : [])
        let rows = estimates.map { found -> [String] in
            guard found.determined, let error = found.standardError, let statistic = found.statistic,
                let p = found.probability, let lower = found.lower, let upper = found.upper
            else { return [found.name, "not determined"] + titles.dropFirst(2).map { _ in "" } }
            return [
                found.name, Self.number(found.estimate), Self.number(error), Self.number(statistic, 4),
                Self.probability(p), Self.interval(lower, upper),
            ] + (profiled ? [Self.interval(found.profileLower ?? .nan, found.profileUpper ?? .nan)] : [])
        }
        return alignedColumns([titles] + rows)
    }

    /// The estimates as comma-separated values, with all digits.
    func csv() -> String {
        func text(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
        func quoted(_ text: String) -> String {
            text.contains { ",\"\n\r".contains($0) } ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
        }
        var lines = [
            "kind,name,estimate,standard_error,statistic,p,lower,upper,profile_lower,profile_upper"
        ]
        for (kind, estimates) in [
            ("coefficient", coefficients), ("combination", combinations), ("contrast", contrasts),
            ("function", functions),
        ] {
            lines += estimates.map { found in
                ([kind, quoted(found.name), found.determined ? text(found.estimate) : ""]
                    + [
                        found.standardError, found.statistic, found.probability, found.lower, found.upper,
                        found.profileLower, found.profileUpper,
                    ].map(text)).joined(separator: ",")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func interval(_ lower: Double, _ upper: Double) -> String {
        "[\(number(lower)), \(number(upper))]"
    }

    private static func number(_ value: Double, _ digits: Int = 6) -> String {
        String(format: "%.\(digits)g", value)
    }

    private static func probability(_ value: Double) -> String {
        value < 1e-4 ? String(format: "%.1e", value) : String(format: "%.4f", value)
    }
}

extension String {
    /// The lines of a text, each printable: names may come from a file.
    fileprivate var printableLines: String {
        split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }
            .joined(separator: "\n")
    }
}
