from shopalytic.cli import main

main()
