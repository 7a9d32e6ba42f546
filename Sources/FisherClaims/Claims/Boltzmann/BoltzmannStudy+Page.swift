import FisherStudies
import Foundation

extension BoltzmannStudy {
    private static func number(_ value: Double) -> String { String(format: "%.3g", value) }

    /// The tables: estimates beside the exact information, training sets, training.
    var tables: [TaskExhibit] {
        let firsts = points.filter { $0.seed == points[0].seed }
        let estimates = firsts.map { point -> TaskExhibit in
            let exact = point.estimates[0].eigenvalues.reduce(0, +)
            let rows = point.estimates.map { estimate -> [String] in
                let sampler = point.samplers.firstIndex { $0.name == estimate.name }
                let large = exact / Double(estimate.eigenvalues.count) * 1e-3
                return [
                    estimate.name,
                    sampler.map {
                        "\(point.samplers[$0].count) (\(Int(point.samplers[$0].effectiveCount.rounded())))"
                    }
                        ?? (estimate.name == Self.empirical && point.problem.hasPrefix("draws")
                            ? "\(Self.sampleCount)" : "–"),
                    Self.number(estimate.error), sampler.map { Self.number(point.expectedErrors[$0]) } ?? "–",
                    Self.number(estimate.diagonalError), Self.number(estimate.traceRatio),
                    "\(estimate.eigenvalues.count { $0 > large })", Self.number(estimate.angle),
                    Self.number(estimate.stepError),
                ]
            }
            let samplers = point.samplers.map {
                String(
                    format:
                        "%@: %.0f %% of the proposals accepted, errors of the diagonal %.2f standard errors (root mean square).",
                    $0.name, 100 * $0.acceptance, $0.standardizedError)
            }
            return .table(
                ExhibitTable(
                    title: "Five informations of one machine: \(point.problem)",
                    caption: String(
                        format:
                            "Seed %llu. States that the data lack: probability %.3f, %.0f %% of the trace. Natural gradients "
                            + "with damping %g. Large: above a thousandth of the exact mean eigenvalue. ",
                        point.seed, point.missingProbability, 100 * point.missingTrace, Self.damping)
                        + samplers.joined(separator: " "),
                    columns: [
                        "states weighted by", "draws (that count)", "relative error",
                        "of as many independent draws",
                        "error of the diagonal", "trace, ratio", "large eigenvalues",
                        "angle of the natural gradient, degrees",
                        "its relative error",
                    ], rows: rows))
        }
        let sets = TaskExhibit.table(
            ExhibitTable(
                title: "The empirical information by the size of the training set",
                caption: "Sets drawn from the machine itself; medians over the sets of one size.",
                columns: [
                    "samples", "distinct states of 64", "probability of the missing",
                    "their share of the trace",
                    "relative error", "expected of independent draws", "error, completed", "angle, degrees",
                ],
                rows: sizes.map { set in
                    ["\(set.count)"]
                        + [
                            set.distinct, set.missingProbability, set.missingTrace, set.error,
                            set.expectedError,
                            set.completedError, set.angle,
                        ].map(Self.number)
                }))
        let runs = problemNames.map { problem in
            TaskExhibit.table(
                ExhibitTable(
                    title: "Training: \(problem)",
                    caption:
                        "Final divergence KL(data || model) in nats over the seeds; rates and dampings chosen on other seeds.",
                    columns: [
                        "arm", "rate", "damping", "inside the grid", "pairs tried", "mean",
                        "standard deviation", "diverged",
                    ],
                    rows: arms.filter { $0.problem == problem }.map { runs in
                        let finals = runs.curves.compactMap(\.last)
                        let finite = SampleSummary(finals.filter(\.isFinite))
                        return [
                            runs.tuning.arm.rawValue, Self.number(runs.tuning.rate),
                            runs.tuning.arm.isDamped ? Self.number(runs.tuning.damping) : "–",
                            runs.tuning.isInterior ? "yes" : "no", "\(runs.tuning.trialCount)",
                            finite.map { Self.number($0.mean) } ?? "–",
                            finite?.standardDeviation.map(Self.number) ?? "–",
                            "\(finals.count { !$0.isFinite }) of \(finals.count)",
                        ]
                    }))
        }
        return estimates + [sets] + runs
    }

    /// The charts: errors by the number of draws, spectra, curves of training.
    var figures: [ClaimFigure] {
        let errors = ClaimFigure(
            title: "Error of the information by the number of draws",
            caption:
                "Relative Frobenius error at the machine that drew the data: training sets (whiskers from the least to the "
                + "greatest), the same completed, and chains; the line is what independent draws are expected to give.",
            horizontal: .init("draws", isLogarithmic: true),
            vertical: .init("relative error", isLogarithmic: true),
            series: [
                .init(
                    "independent draws, expected", sizes.map { .init(Double($0.count), $0.expectedError) }),
                .init(
                    Self.empirical,
                    sizes.map { .init(Double($0.count), $0.error, interval: $0.lower...$0.upper) },
                    isJoined: false),
                .init(
                    Self.completed, sizes.map { .init(Double($0.count), $0.completedError) }, isJoined: false),
            ]
                + Self.samplers.map { sampler in
                    .init(
                        "\(sampler.name) draws",
                        chains.filter { $0.sampler == sampler.name }.map {
                            .init(Double($0.count), $0.error)
                        },
                        isJoined: false)
                })
        let spectra = points.filter { $0.seed == points[0].seed }.map { point in
            ClaimFigure(
                title: "Spectra: \(point.problem)",
                caption:
                    "Eigenvalues above a millionth of the largest; the empirical information has no more than there are distinct "
                    + "patterns in the data.",
                horizontal: .init("number of the eigenvalue"),
                vertical: .init("eigenvalue", isLogarithmic: true),
                series: point.estimates.map { estimate in
                    let least = (estimate.eigenvalues.first ?? 0) * 1e-6
                    return .init(
                        estimate.name,
                        estimate.eigenvalues.enumerated().filter { $0.element > least }.map {
                            .init(Double($0.offset + 1), $0.element)
                        })
                })
        }
        let curves = problemNames.map { problem in
            ClaimFigure(
                title: "Training: \(problem)",
                caption: "KL(data || model), means over the seeds' completed runs.",
                horizontal: .init("step"), vertical: .init("divergence, nats", isLogarithmic: true),
                series: arms.filter { $0.problem == problem }.map { runs in
                    let completed = runs.curves.filter { $0.last?.isFinite ?? false }
                    let steps = completed.map(\.count).min() ?? 0
                    return .init(
                        runs.tuning.arm.rawValue,
                        (0..<steps).map { step in
                            .init(
                                Double(step), completed.reduce(0) { $0 + $1[step] } / Double(completed.count))
                        })
                })
        }
        return [errors] + spectra + curves
    }
}
