import FisherCommand

FisherTool.main()
